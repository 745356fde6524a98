"""One probe of one account: clean up what is left, look whether it may, ask, clean up, keep the answers."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sync_tasks.config.settings import Settings
from sync_tasks.errors import (
    AccountError,
    ConfigurationError,
    DuplicateContactError,
    ProbeBudgetError,
    SyncError,
)
from sync_tasks.ext_ids import make_token
from sync_tasks.probe import experiments
from sync_tasks.probe.budget import BudgetGate, compare_limit
from sync_tasks.probe.cleanup import clean_up
from sync_tasks.probe.experiments import Bench, FoundAnswer
from sync_tasks.probe.journal import KINDS, LOCK_SECONDS, Made, MadeJournal, probing_alone
from sync_tasks.providers.brevo.probe_desk import ProbeDesk
from sync_tasks.providers.brevo.questions import NO, QUESTIONS, YES
from sync_tasks.rate_limits.import_lock import ImportLock
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.rate_limits.operator_gate import VisitorGate
from sync_tasks.state.store import Store
from sync_tasks.sync.accounts import AccountAnswers, open_desks

_SLICE = LOCK_SECONDS / 3
Progress = Callable[[str], None]


@dataclass(slots=True)
class ProbeReport:
    """What a probe found; ``left`` at Brevo is nothing as a rule, ``trouble`` is why it broke off, if it did."""

    account: str
    found: dict[str, FoundAnswer] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    trouble: str = ""

    @property
    def worse(self) -> list[str]:
        """The questions whose answer the pipeline was not built for."""
        return [name for name, found in self.found.items() if found.answer in QUESTIONS[name].worse]

    @property
    def good(self) -> bool:
        """Whether nothing is worse than assumed, nothing is left, and nothing broke off."""
        return not (self.worse or self.left or self.trouble)


@dataclass(slots=True, repr=False)
class Probe:
    """A probe of one account, at two addresses of the operator's."""

    store: Store
    settings: Settings
    account: str
    addresses: tuple[str, str]
    report: Progress
    pause: Callable[[float], None] = time.sleep

    def run(self) -> ProbeReport:
        """Ask the account everything.

        Raises:
            ConfigurationError: an address is a contact's already, or the account is paused, or being probed.
            SyncError: Brevo lets the probe not even begin.
        """
        limiter = Limiter(self.store, self.settings.accounts, self.settings.pipeline.probe_seconds)
        if pause := limiter.paused(self.account):
            raise ConfigurationError(f"account {self.account} is paused ({pause.error}): mend that first")
        with probing_alone(self.store, self.account) as renew:
            imports = limiter.import_lock(self.account)

            def rest(seconds: float) -> None:
                while seconds > 0:
                    renew()
                    imports.renew()
                    self.pause(min(seconds, _SLICE))
                    seconds -= _SLICE

            gate = BudgetGate(VisitorGate(limiter, self.account), renew, rest)
            accounts = {self.account: self.settings.accounts[self.account]}
            desk = open_desks(ProbeDesk, accounts, lambda _: gate, self.store)[self.account]
            try:
                return self._run(desk, gate, imports, rest)
            finally:
                desk.close()

    def _run(
        self, desk: ProbeDesk, gate: BudgetGate, imports: ImportLock, rest: Callable[[float], None]
    ) -> ProbeReport:
        owner, owners_address = desk.account()
        desk.confirm_owner()
        journal = MadeJournal(self.store, self.account, owner)
        report = ProbeReport(self.account)
        report.left = self._remove(desk, gate, journal, journal.left(), rest)
        if report.left:
            return report
        self._refuse_people(desk, owners_address)
        made = journal.begin(list(self.addresses))
        erased = self.settings.anonymize.email.format(token=make_token())
        bench = Bench(desk, journal, made, erased, imports, rest, self._seconds)
        try:
            report.trouble = self._ask(bench)
        finally:
            report.left = self._remove(desk, gate, journal, made, rest)
            if bench.outcome_unknown and not report.left:
                journal.note(made)
                report.left = ["perhaps what the unanswered request makes: run the probe again in a minute"]
        self._note_limits(bench, gate)
        report.found, report.requests = bench.found, dict(gate.used)
        self._keep_answers(bench, owner)
        return report

    def _keep_answers(self, bench: Bench, owner: str) -> None:
        answers = {name: found.answer for name, found in bench.found.items()}
        AccountAnswers(self.store, self.account).keep(owner, answers)

    def _seconds(self) -> float:
        return int(self.store.now()) / 1_000_000

    def _refuse_people(self, desk: ProbeDesk, owners_address: str) -> None:
        for number, address in enumerate(self.addresses, 1):
            if address == owners_address:
                raise ConfigurationError(f"address {number} is the account owner's, which Brevo deletes never")
            if self.store.claimant(address) is not None:
                raise ConfigurationError(f"address {number} is a user's of the portal: name one that is nobody's")
            if desk.show_address(address) is not None:
                raise ConfigurationError(f"address {number} is a contact's at Brevo: name one that is nobody's")

    def _ask(self, bench: Bench) -> str:
        """Do all experiments, and return why that broke off, if it did."""
        try:
            self.report("a list and attributes of its own")
            _prepare(bench)
            for name in experiments.run_experiments(bench):
                self.report(name)
        except DuplicateContactError:
            return "an address is a contact's at Brevo: name one that is nobody's"
        except ProbeBudgetError as error:
            return str(error)
        except SyncError as error:
            bench.outcome_unknown = error.outcome_unknown
            return f"{type(error).__name__}: {error}"
        return "; ".join(bench.refused)

    def _remove(
        self, desk: ProbeDesk, gate: BudgetGate, journal: MadeJournal, made: Made | None, rest: Callable[[float], None]
    ) -> list[str]:
        """Remove what a run made; what cannot be removed now is written down still, and the next run tries again."""
        if made is None:
            return []
        self.report("removing what it made")
        kept, gate.reserved = gate.reserved, 0
        try:
            return clean_up(desk, journal, made, now=self._seconds(), rest=rest)
        except SyncError as error:
            return [f"what run {made.token} made: {error}: run the probe again"]
        finally:
            gate.reserved = kept

    def _note_limits(self, bench: Bench, gate: BudgetGate) -> None:
        account = self.settings.accounts[self.account]
        windows = {"a second": account.requests_per_second, "an hour": account.requests_per_hour}
        bench.note("granted", *compare_limit(gate.limits.get("contacts"), windows))
        bench.note(
            "granted_elsewhere",
            *compare_limit(gate.limits.get("other"), {"an hour": bench.desk.capabilities.other_per_hour}),
        )
        if gate.refusals:
            bench.note("refused_for_rate", NO if None in gate.refusals else YES)


def _prepare(bench: Bench) -> None:
    folder = bench.desk.find_folder()
    if folder is None:
        raise AccountError("the account has no folder for lists: create one at Brevo")
    bench.made.list_id = bench.desk.make_list(bench.made.list_name, folder)
    bench.journal.note(bench.made)
    for kind, brevos in KINDS.items():
        bench.desk.make_attribute(bench.made.attribute(kind), brevos)
