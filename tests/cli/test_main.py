"""How the command line ends: what nobody expected is told without its text, and Ctrl-C is no error."""

from typing import NoReturn

import pytest

from sync_tasks import cli


class Interrupted:
    """Is hit by Ctrl-C while a class is made, as an import may be."""

    def __set_name__(self, _owner: type, _name: str) -> None:
        raise KeyboardInterrupt


def make_class(**_said: object) -> NoReturn:
    type("Made", (), {"field": Interrupted()})
    raise AssertionError


def fail(**_said: object) -> NoReturn:
    raise ValueError("anna@portal.org")


@pytest.mark.parametrize(("work", "code", "printed"), [(make_class, 130, ""), (fail, 1, "unexpected error")])
def test_ctrl_c_is_no_unexpected_error_wherever_it_strikes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], work: object, code: int, printed: str
) -> None:
    monkeypatch.setattr(cli, "app", work)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    told = capsys.readouterr().err
    assert told.startswith(printed)
    assert bool(told) == bool(printed)
    assert "anna" not in told
