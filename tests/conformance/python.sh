# SPDX-License-Identifier: Apache-2.0
# python_tuf ARG...: Python with python-tuf and securesystemslib from their sources, and nothing written beside them. $tmp is a folder.
#
# Debian 12 has an older cryptography than securesystemslib expects: two names, used in annotations only, are missing there.
mkdir -p "$tmp/python"
cat >"$tmp/python/sitecustomize.py" <<'PYTHON'
try:
    from cryptography.hazmat.primitives.asymmetric import types
except ImportError:
    pass
else:
    for name in ("PublicKeyTypes", "PrivateKeyTypes"):
        if not hasattr(types, name):
            setattr(types, name, object)
PYTHON
python_tuf() {
    PYTHONPATH=$tmp/python:$PYTHON_TUF:$SECURESYSTEMSLIB:${TUF_CONFORMANCE:-} PYTHONDONTWRITEBYTECODE=1 "${PYTHON:-/usr/bin/python3}" "$@"
}
