"""What a benchmark leaves: table.md, result.json and pictures."""

from surgical_perception.evaluation import results
from xray_registration.benchmark import drawings
from xray_registration.benchmark.capture_plot import draw_capture
from xray_registration.benchmark.summary import summarised, together
from xray_registration.benchmark.table import markdown

TABLE = 'table.md'


def write(out, records, settings, notes):
    """
    Write everything about some Records into a folder; return the text of the table.

    settings    what was run, and how: values of JSON or dataclasses
    notes       sentences for the reader
    """
    summaries = summarised(records)
    everything = summaries + together(records)
    text = markdown(everything, notes)
    (out / TABLE).write_text(text, encoding='utf-8')
    drawings.draw_success(out / 'success.png', summaries)
    drawings.draw_errors(out / 'errors.png', records)
    drawings.draw_times(out / 'times.png', summaries)
    draw_capture(out / 'capture.png', records)
    content = {'summaries': everything, 'settings': settings, 'notes': notes}
    results.write_json(out / results.RESULT_FILE, {**content, **results.provenance()})
    return text
