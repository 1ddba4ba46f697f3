"""A machine whose kernel cannot carry the pool is told what to change, before anything is made."""

from pathlib import Path

import pytest

from testbed.host import host_kernel
from testbed.host.errors import UserError


def proc(folder: Path, settings: dict[str, str], filesystems: str = "nodev\toverlay\n\tfuse\n") -> Path:
    for setting, value in settings.items():
        path = folder / "sys" / setting
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    (folder / "filesystems").write_text(filesystems)
    return folder


@pytest.mark.parametrize("setting", host_kernel.FORBIDDING)
def test_a_setting_that_forbids_user_namespaces_comes_with_the_command_that_permits_them(tmp_path, setting):
    forbids, permits = host_kernel.FORBIDDING[setting]
    with pytest.raises(UserError, match=f"sysctl -w {setting.replace('/', '.')}={permits}"):
        host_kernel.check(proc(tmp_path, {setting: forbids}))


def test_settings_that_permit_and_settings_that_are_absent_are_fine(tmp_path):
    host_kernel.check(proc(tmp_path, {name: permits for name, (_, permits) in host_kernel.FORBIDDING.items()}))
    (tmp_path / "absent").mkdir()
    host_kernel.check(proc(tmp_path / "absent", {}))
