"""How the answers of a probe are shown: what was asked, what Brevo does, what the pipeline does now."""

from typing import TYPE_CHECKING

from sync_tasks.cli.output import complain, escaped, lay_out, print_table, say
from sync_tasks.domain.events import Json
from sync_tasks.providers.brevo.questions import QUESTIONS, OpenQuestion
from sync_tasks.texts import count

if TYPE_CHECKING:
    from sync_tasks.probe.experiments import FoundAnswer
    from sync_tasks.probe.run import ProbeReport


def print_answers(report: "ProbeReport") -> None:
    """Print a table of all questions, and below it what an operator must do."""
    table = lay_out(f"Account {escaped(report.account)}", "Question", "Answer", "What the pipeline does now")
    for question in QUESTIONS.values():
        found = report.found.get(question.name)
        table.add_row(question.asks, _show(question, found), _does(question, found))
    print_table(table)
    worse = len(report.worse)
    style = "bold red" if worse else "green"
    scarce = report.requests.get("other", 0)
    say(
        f"{len(report.found)} of {count(len(QUESTIONS), 'question')} answered, [{style}]{worse} worse than assumed[/], "
        f"in {count(sum(report.requests.values()), 'request')}, {scarce} of them of the 100 an hour"
    )
    if report.trouble:
        complain(f"account {report.account}: not all could be asked: {report.trouble}")
    for what in report.left:
        complain(f"account {report.account}: left at Brevo: {what}")


def _show(question: OpenQuestion, found: "FoundAnswer | None") -> str:
    if found is None:
        return "[dim]not known[/]"
    seen = f" ({escaped(found.seen)})" if found.seen else ""
    return f"[bold red]{found.answer}[/]{seen}" if found.answer in question.worse else f"{found.answer}{seen}"


def _does(question: OpenQuestion, found: "FoundAnswer | None") -> str:
    return question.does[found.answer if found else question.assumed]


def as_document(report: "ProbeReport") -> dict[str, Json]:
    """Return the same for programs."""
    answers: list[Json] = []
    for question in QUESTIONS.values():
        found = report.found.get(question.name)
        answers.append(
            {
                "question": question.name,
                "asks": question.asks,
                "answer": found.answer if found else None,
                "seen": found.seen if found else "",
                "worse": bool(found and found.answer in question.worse),
                "does": _does(question, found),
            }
        )
    return {
        "account": report.account,
        "answers": answers,
        "requests": dict(report.requests),
        "trouble": report.trouble,
        "left": [*report.left],
    }
