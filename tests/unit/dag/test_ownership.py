"""Whose jobs a question to the queue is about."""

import pytest

from chtc_condor.ownership import constrain, parse_owner


@pytest.mark.parametrize(
    ("said", "owner"),
    [
        ("WRITE command using (AES, AES, and FS) succeeded as alice@jupyter.pool to local schedd.\n", "alice"),
        ("WRITE command using (AES, AES, and FS) succeeded as a.lice-2@pool to schedd second@ap.\n", "a.lice-2"),
        ("READ command using (AES, AES, and no authentication) succeeded as unauthenticated@unmapped to x.", ""),
        ("WRITE command using (AES, AES, and FS) succeeded as alice@unmapped to local schedd.", ""),
        ("WRITE failed!\nECRYPT: error", ""),
        ("", ""),
    ],
)
def test_the_schedd_says_whose_the_jobs_are(said, owner):
    assert parse_owner(said) == owner


def test_a_constraint_names_the_user_whatever_the_condition_is():
    assert constrain("alice", "true || false") == 'Owner == "alice" && (true || false)'
    assert constrain('a" || true || "', "true") == 'Owner == "a\\" || true || \\"" && (true)'
