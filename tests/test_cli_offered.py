"""What a shell offers when the tab key is pressed; options that --plan has no use for."""

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from ncssl.cli import main


@pytest.mark.parametrize(
    "typed, begun, offered",
    [
        (["run", "--method"], "direct", ["directcopy", "directpred", "directset"]),
        (["run", "--paper"], "wen", ["wen2022"]),
        (["run", "--dataset"], "cifar", ["cifar10", "cifar100", "cifar10_jpeg"]),
        (["run", "--scale"], "la", ["laptop"]),
        (["run", "--device"], "cp", ["cpu"]),
        (["claims", "--paper"], "tian", ["tian2021"]),
        (["claims", "--dataset"], "voi", ["voices"]),
        (["claims", "--status"], "und", ["undecided"]),
        (["claims", "--id"], "head_rises_", ["head_rises_in_networks"]),
        (["theory"], "liu", ["liu2022"]),
        (["embed", "--device"], "cp", ["cpu"]),
        (["data", "--fetch"], "cifar", ["cifar10", "cifar100"]),
        (["data", "--make"], "", ["cifar10_jpeg"]),
        (["bench", "--only"], "lap", ["laptop"]),
    ],
)
def test_values_are_offered(typed, begun, offered):
    found = ShellComplete(main, {}, "ncssl", "_NCSSL_COMPLETE").get_completions(typed, begun)
    assert [item.value for item in found] == offered


@pytest.mark.parametrize(
    "option", [("--shard", "0/2"), ("--only", "0123456789ab"), ("--budget", "9m"), ("--jobs", "2")]
)
def test_a_plan_refuses_what_would_not_change_it(option):
    done = CliRunner().invoke(main, ["run", "--paper", "tian2021", "--plan", *option])
    assert done.exit_code == 2
    assert f"{option[0]} given with --plan, which lists all the runs" in done.stderr
