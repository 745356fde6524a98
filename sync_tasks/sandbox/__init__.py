"""A local Brevo to develop and test against: stateful, true to Brevo's surprises, with faults to switch on."""

from sync_tasks.sandbox.faults import Fault
from sync_tasks.sandbox.sandbox import Sandbox
from sync_tasks.sandbox.settings import LimitSettings, Quirks, SandboxSettings

__all__ = ["Fault", "LimitSettings", "Quirks", "Sandbox", "SandboxSettings"]
