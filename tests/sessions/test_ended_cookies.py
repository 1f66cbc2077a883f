"""The cookie of a session that has ended."""

import pytest

from tests.support.world import World

WHO = "{ viewer { user { email } } }"


@pytest.mark.parametrize("method", ["API", "page"])
async def test_the_cookie_of_an_ended_session_is_not_deleted(world: World, method: str) -> None:
    """Another tab may have signed in while the request was under way: its cookie would be deleted."""
    await world.admin.ask("mutation { signOut { userErrors { code } } }")
    headers = {"cookie": f"{world.settings.session_cookie}={world.admin.token}"}

    if method == "API":
        response = await world.http.post("/graphql", json={"query": WHO}, headers=headers)
        assert response.json()["data"]["viewer"] is None
    else:
        response = await world.http.get("/sign-in", headers={**headers, "accept": "text/html"})
        assert response.status_code == 200

    assert world.settings.session_cookie not in response.headers.get("set-cookie", "")
