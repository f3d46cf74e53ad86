# SPDX-License-Identifier: MIT
"""A certificate authority for tests, which also makes certificates that ought to be refused."""

import datetime
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Authority:
    def __init__(self, folder, name="Switchyard test CA"):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        now = datetime.datetime.utcnow()
        cert = (_builder(self._name, self._name, self._key, now, now + datetime.timedelta(days=30))
                .add_extension(x509.BasicConstraints(True, 0), critical=True)
                .add_extension(_usage(sign_certs=True), critical=True)
                .sign(self._key, hashes.SHA256()))
        self.file = os.path.join(folder, "ca.pem")
        write(self.file, pem(cert))

    def issue(self, folder, *names, days=30, age=1):
        """folder/fullchain.pem and privkey.pem for these names, valid from `age` days ago on for
        `days` days (negative: it has ended) and some hours, so that as many are left during all of
        a test.  Returns (certificate file, key file)."""
        key = ec.generate_private_key(ec.SECP256R1())
        begin = datetime.datetime.utcnow() - datetime.timedelta(days=age + max(0, -days))
        end = datetime.datetime.utcnow() + datetime.timedelta(days=days, hours=6)
        cert = (_builder(_name(names[0]), self._name, key, begin, end)
                .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]),
                               critical=False)
                .add_extension(x509.BasicConstraints(False, None), critical=True)
                .add_extension(_usage(), critical=True)
                .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
                               critical=False)
                .sign(self._key, hashes.SHA256()))
        os.makedirs(folder, exist_ok=True)
        files = os.path.join(folder, "fullchain.pem"), os.path.join(folder, "privkey.pem")
        write(files[0], pem(cert))
        write(files[1], key.private_bytes(serialization.Encoding.PEM,
                                          serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()))
        return files


def pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM)


def write(path, data):
    """By rename, as certbot does it: nobody reads half a file."""
    with open(path + ".new", "wb") as f:
        f.write(data)
    os.rename(path + ".new", path)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _builder(subject, issuer, key, begin, end):
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(begin).not_valid_after(end))


def _usage(sign_certs=False):
    return x509.KeyUsage(digital_signature=not sign_certs, content_commitment=False,
                         key_encipherment=False, data_encipherment=False, key_agreement=False,
                         key_cert_sign=sign_certs, crl_sign=sign_certs, encipher_only=False,
                         decipher_only=False)
