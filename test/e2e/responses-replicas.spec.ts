import { answer } from '../support/upstream-behaviours.js';
import { Fleet } from '../support/fleet.js';
import { openaiAt } from '../support/router-calls.js';

describe('responses on several replicas', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await Fleet.start(2);
  }, 60_000);
  afterAll(() => fleet.close());

  it('go on from each other at once, whichever replica answered', async () => {
    const { upstream } = fleet;
    const [first, second] = fleet.urls.map((url) => openaiAt(url, { maxRetries: 0 }).client);
    upstream.always((request, model) => answer(`Answer ${request.index}`)(request, model));
    let id = (await first!.responses.create({ model: 'auto', input: 'turn 0' })).id;
    for (let turn = 1; turn <= 6; turn += 1) {
      const client = turn % 2 === 0 ? first! : second!;
      const body = { model: 'auto', input: `turn ${turn}`, previous_response_id: id };
      const response =
        turn % 3 === 0 ? await client.responses.stream(body).finalResponse() : await client.responses.create(body);
      const asked = upstream.requests.at(-1)?.body?.messages.filter(({ role }) => role === 'user');
      expect(asked?.map(({ content }) => content)).toEqual(Array.from({ length: turn + 1 }, (_, i) => `turn ${i}`));
      id = response.id;
    }
    expect((await first!.responses.retrieve(id)).output_text).toBe((await second!.responses.retrieve(id)).output_text);
    await second!.responses.delete(id);
    await expect(first!.responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
  });
});
