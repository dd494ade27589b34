"""Equal runs give equal bytes, also where one of them was killed and went on."""

from helpers.killing import contents, differing, jobs_begun, run_with_kills
from helpers.repository import SMOKE, copy_to


def test_equal_runs_give_equal_bytes(finished, tmp_path):
    # Another folder, sets in another order, and five kills: no file may tell.
    other = copy_to(tmp_path / "another-name")
    done = run_with_kills(
        other, *SMOKE, jobs=jobs_begun(finished), kills=5, seed=1, PYTHONHASHSEED="1"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = finished / "results"
    assert len(contents(results)) > 150
    assert differing(results, other / "results") == []
