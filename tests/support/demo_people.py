"""The people of the demo."""

import demo
from tests.support.beginnings import Beginnings
from tests.support.links import session_of
from tests.support.world import Person, World


async def demo_people(world: World, beginnings: Beginnings) -> dict[str, Person]:
    """The demo's Admin `ada`, Member `bob` and Viewer `vera`, signed in."""

    async def arrange() -> dict[str, Person]:
        await demo.seed(world.settings, world.database)
        links = await demo.sign_in_links(world.database, world.settings)
        return {
            name.split()[0].lower(): session_of(await world.http.post(link), world) for name, _, link in links
        }

    return await beginnings.begin("demo", world, arrange)
