"""Traffic that another working tree plays is not deleted under its hands."""

import os
import time

from quality.tidy import tidy

DAY_S = 86_400.0


def test_traffic_goes_when_no_run_has_opened_it_for_days(tmp_path):
    ages = {"quick-ours": 9, "quick-other": 1, "quick-old": 9, "first-old": 9}
    for name, days in ages.items():
        (tmp_path / name).mkdir()
        opened = time.time() - days * DAY_S
        os.utime(tmp_path / name, (opened, opened))
    tidy(tmp_path / "quick-ours", "quick")
    assert {path.name for path in tmp_path.iterdir()} == ages.keys() - {"quick-old"}
    tidy(tmp_path / "quick-other", "quick")
    assert (tmp_path / "quick-ours").exists()  # opened just now
