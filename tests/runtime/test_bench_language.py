"""The bench of the language checks what it measures."""

from trellis.runtime.bench.language import measure, print_figures


def test_every_workload_is_measured_and_printed(capsys):
    figures = measure(programs=20, batch=30)
    assert [figure.programs for figure in figures] == [20, 20, 20, 30]
    assert all(figure.calls == figure.programs * 8 and figure.seconds > 0 for figure in figures)
    print_figures(figures)
    assert capsys.readouterr().out.count("us per call") == 4
