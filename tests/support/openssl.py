"""What the command line tool openssl computes, to check the server's keys with another program's interface."""
import subprocess
import tempfile
from pathlib import Path


def run(*arguments, **files):
    """Runs openssl with each of `files` (name=bytes) in a folder of its own; returns its output."""
    with tempfile.TemporaryDirectory(prefix="tidemill-openssl-") as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        return subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True).stdout


def verify(public_der, digest, signature, message, pss=False):
    """Raises CalledProcessError when the signature is not one of the key."""
    options = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"] if pss else []
    run("dgst", f"-{digest}", "-keyform", "DER", "-verify", "public", *options, "-signature", "signature", "message",
        public=public_der, signature=signature, message=message)


def verify_ed25519(public_der, signature, message):
    run("pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", "public", "-sigfile", "signature",
        "-in", "message", public=public_der, signature=signature, message=message)


def encrypt_oaep(public_der, digest, plaintext):
    return run("pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", "public", "-in", "plaintext",
               "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", f"rsa_oaep_md:{digest}", "-pkeyopt",
               f"rsa_mgf1_md:{digest}", public=public_der, plaintext=plaintext)


def public_of(private_der):
    return run("pkey", "-inform", "DER", "-in", "private", "-pubout", "-outform", "DER", private=private_der)


def generate_ec(curve):
    return run("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-outform", "DER")


def derive(private_der, peer_public_der):
    return run("pkeyutl", "-derive", "-keyform", "DER", "-inkey", "private", "-peerform", "DER", "-peerkey", "peer",
               private=private_der, peer=peer_public_der)
