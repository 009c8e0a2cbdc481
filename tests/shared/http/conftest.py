from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.shared.http.sample import Sample, sample_app
from tests.support.conformance import listening


@pytest.fixture
def sample() -> Sample:
    return Sample()


@pytest_asyncio.fixture
async def http(sample: Sample) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(sample_app(sample))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest_asyncio.fixture
async def url(sample: Sample) -> AsyncIterator[str]:
    async with listening(sample_app(sample)) as address:
        yield address
