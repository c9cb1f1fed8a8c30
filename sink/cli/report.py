"""`sink report`: execute the notebooks headless and write what they say as HTML and PNG.

Operators read it weekly, away from any Jupyter: each page is one file that loads nothing from anywhere, and
the pictures lie beside it for a wiki or a mail. The notebooks are those that people open, so
there is no second set of figures; their parameters are filled in, their code is left out of the page.

Jupyter's parts come with the extra `notebooks`; without it the command says how to get them.
"""

from __future__ import annotations

import os
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from sink.config import load_settings
from sink.errors import SinkError, UsageError

if TYPE_CHECKING:
    from jupyter_client.manager import KernelManager
    from nbformat import NotebookNode

NOTEBOOKS = ("lifecycles", "interruptions", "actions")

_NEEDED = ("nbclient", "nbconvert", "ipykernel", "pandas", "statsmodels", "matplotlib", "duckdb")
_CELL_SECONDS = 1800
"""A cell that reads years of a large fleet takes minutes; one that waits for a dead network must end."""

_PAGE = """\
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block data_png scoped -%}
<div class="jp-RenderedImage jp-OutputArea-output">
<img src="data:image/png;base64,{{ output.data['image/png'] }}" alt="{{ cell.metadata.alt | escape_html }}"
width="{{ output | get_metadata('width', 'image/png') }}">
</div>
{%- endblock -%}
"""
"""nbconvert's page without the scripts it would load from the network, and with a text for each picture."""


class ReportError(SinkError):
    """A notebook stopped; the message is that of the error in its cell."""

    exit_code = 75


@dataclass(frozen=True, slots=True)
class Parameters:
    """What is set behind the cell that is tagged `parameters`; all are text, empty for the default."""

    source: str = ""
    config: str = "config.ini"
    since: str = ""
    until: str = ""
    as_of: str = ""
    zone: str = "Asia/Shanghai"
    prices: str = ""

    def code(self) -> str:
        """The cell that sets them."""
        return "\n".join(f"{name} = {getattr(self, name)!r}" for name in self.__slots__)


def write_report(parameters: Parameters, out: Path, names: Sequence[str] = NOTEBOOKS) -> None:
    """Write `NAME.html` and `NAME.PICTURE.png` for each notebook into `out`, which is made if missing.

    Raises UsageError where the extra is not installed, ConfigError where the logstore is asked for and the
    configuration is off, and ReportError with what a cell complained of.
    """
    check_installed()
    if not parameters.source:
        load_settings(Path(parameters.config))
    out.mkdir(parents=True, exist_ok=True)
    notebooks = {name: load_notebook(name, parameters) for name in names}
    cells = sum(len(notebook.cells) for notebook in notebooks.values())
    with _progress() as progress:
        bar = progress.add_task("", total=cells)
        for name, notebook in notebooks.items():
            progress.update(bar, description=name)
            execute(notebook, lambda **_: progress.advance(bar))
            _write(out, name, notebook)
    Console(soft_wrap=True).print(f"wrote {', '.join(f'{name}.html' for name in names)} to {out}")


def _progress() -> Progress:
    columns = (TextColumn("{task.description:14}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    hidden = not sys.stdout.isatty()
    return Progress(*columns, TimeElapsedColumn(), transient=True, disable=hidden)


def check_installed(installed: Callable[[str], object] = find_spec) -> None:
    """Tell how to get what is missing. Raises UsageError."""
    missing = [name for name in _NEEDED if not installed(name)]
    if missing:
        raise UsageError(
            f"The report needs {', '.join(missing)}", "pip install 'ecs-event-sink[notebooks]' brings them"
        )


def folder() -> Path:
    """Where the notebooks lie: beside the package in a checkout, else where an installation puts them."""
    checkout = Path(__file__).parents[2] / "notebooks"
    return checkout if checkout.is_dir() else Path(sys.prefix) / "share" / "ecs-event-sink" / "notebooks"


def load_notebook(name: str, parameters: Parameters) -> NotebookNode:
    """One notebook with a cell behind its own parameters that sets these."""
    import nbformat

    path = folder() / f"{name}.ipynb"
    if not path.is_file():
        raise UsageError(f"{path}: there is no such notebook", f"Known are {', '.join(NOTEBOOKS)}")
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    tagged = [at for at, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    notebook.cells.insert(tagged[0] + 1, nbformat.v4.new_code_cell(parameters.code(), id="given-parameters"))
    return notebook


def execute(notebook: NotebookNode, after_cell: Callable[..., object] | None = None) -> NotebookNode:
    """Run all cells in a kernel of this interpreter, in the current folder. Raises ReportError."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    client = NotebookClient(
        notebook, timeout=_CELL_SECONDS, kernel_name="python3", on_cell_complete=after_cell
    )
    with TemporaryDirectory(prefix="sink-report-") as sockets:
        _keep_private(client.create_kernel_manager(), sockets)
        try:
            client.execute()
        except CellExecutionError as error:
            raise ReportError(f"{error.ename}: {error.evalue}") from error
        except DeadKernelError as error:
            hint = "Most often of memory: narrow --since and --until"
            raise ReportError("The notebook's kernel died", hint) from error
    return notebook


def _keep_private(kernel: KernelManager, folder: str) -> None:
    """Talk to the kernel over sockets in a folder of our own: over TCP others on this machine read along."""
    if os.name == "posix":
        kernel.connection_file = f"{folder}/kernel.json"
        kernel.transport = "ipc"


def _write(out: Path, name: str, notebook: NotebookNode) -> None:
    (out / f"{name}.html").write_text(to_html(name, notebook), encoding="utf-8")
    for picture, image in pictures(notebook):
        (out / f"{name}.{picture}.png").write_bytes(image)


def to_html(name: str, notebook: NotebookNode) -> str:
    """The page of an executed notebook: no code, no prompts, and no script from anywhere."""
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(
        extra_loaders=[DictLoader({"page.html.j2": _PAGE})],
        template_file="page.html.j2",
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    html, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": name}})
    return str(html)


def pictures(notebook: NotebookNode) -> Iterator[tuple[str, bytes]]:
    """Each picture of an executed notebook, by the id of its cell."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            image: Mapping[str, Any] = output.get("data", {})
            if "image/png" in image:
                yield cell.id, b64decode(image["image/png"])
