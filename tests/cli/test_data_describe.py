"""What `timirec data describe` says of a log, and leaves out of it."""

from tests.cli.test_main import failure
from tfrs_timirec.cli.main import main


def test_words_for_no_id_are_pointed_out(tmp_path, capsys):
    log = tmp_path / "log.csv"
    rows = ["NULL,i1,1", "u,i1,1", "u,N/A,2", "NULL,i2,2"]
    log.write_text("\n".join(["user_id,item_id,timestamp", *rows]))

    assert main(["data", "describe", "--interactions", str(log)]) == 0

    out = capsys.readouterr().out
    assert "Note: 2 interactions are of the user 'NULL'" in out
    assert "Note: 1 interactions are of the item 'N/A'" in out
    assert out.count("taken as any other one") == 2


def test_data_describe_cleans(tmp_path, capsys):
    log = tmp_path / "log.csv"
    rows = ["u,i1,1", "u,i1,1", "u,i2,2", "once,i2,2"]
    log.write_text("\n".join(["user_id,item_id,timestamp", *rows]))
    options = ["--duplicates", "first", "--min-user-interactions", "2"]

    assert main(["data", "describe", "--interactions", str(log), *options]) == 0

    words = capsys.readouterr().out.split()
    assert words[words.index("interactions") + 1] == "2"


def test_missing_column_is_asked_for_by_its_flag(tmp_path, capsys):
    log = tmp_path / "log.csv"
    log.write_text("viewer,item_id,timestamp\nu,i1,1\n")

    error = failure(capsys, "data", "describe", "--interactions", log)

    assert "Name another with --user-column." in error
