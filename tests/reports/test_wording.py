from reports.wording import counted, shortened, told_apart


def test_one_is_one_and_others_are_many() -> None:
    assert [counted(n, "batch") for n in (0, 1, 1234)] == ["0 batches", "1 batch", "1,234 batches"]
    assert counted(2, "seed") == "2 seeds" and counted(2, "child", "children") == "2 children"


def test_long_names_are_cut_where_they_tell_least() -> None:
    assert shortened("short", 5) == "short"
    assert shortened("abcdefghij", 5) == "ab…ij" and len(shortened("x" * 99, 24)) == 24
    names = [f"rooms_test-room_{number}_view_0_domain_rgb.png" for number in (3, 12)]
    assert told_apart(names, 24) == ["…3…", "…12…"]
    assert told_apart(["a.png", "b.png"], 24) == ["a.png", "b.png"]
    assert told_apart(["x" * 30, "x" * 31], 24) == ["…", "…x"]
    assert told_apart(["same" * 9] * 2, 9) == ["same…same"] * 2
