"""When a command that comes again says nothing new."""

from collections.abc import Collection

from shared.contracts.vocabulary import Message


def says_again(wanted: Message, known: Message, unnamed: Collection[str] = ()) -> bool:
    """Whether ``wanted`` says what is known.

    ``unnamed``: fields that the sender left to the service, such as the moment. They were filled in
    when it came first, and stay as they were then.
    """
    return wanted.model_copy(update={name: getattr(known, name) for name in unnamed}) == known
