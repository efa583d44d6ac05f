"""The jobs controller as an app."""

from functools import partial

from tradewind.common.contracts.grant import sign
from tradewind.common.runtime.app import App
from tradewind.common.runtime.grant_key import grant_key, grant_key_file
from tradewind.common.runtime.service import ServiceApp
from tradewind.common.runtime.settings import Settings
from tradewind.jobs_controller.wiring import wiring


def app(settings: Settings) -> App:
    key = grant_key(grant_key_file(settings.home))
    return ServiceApp(wiring(partial(sign, key)), settings)
