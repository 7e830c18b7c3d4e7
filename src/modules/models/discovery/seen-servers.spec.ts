import type { FoundModel, FoundServer } from './found-model.js';
import type { ServerLook } from './local-servers.js';
import { SeenServers } from './seen-servers.js';

const model = (name: string, more: Partial<FoundModel> = {}): FoundModel => ({ name, capabilities: [], ...more });
const server = (...models: FoundModel[]): FoundServer => ({
  ...{ kind: 'ollama', label: 'Ollama', baseUrl: 'http://127.0.0.1:11434/v1', models },
});
const found = (...models: FoundModel[]): ServerLook => ({
  ...{ kind: 'ollama', found: server(...models), silent: false, denied: null },
});
const SILENT: ServerLook = { kind: 'ollama', found: null, silent: true, denied: null };
const NOBODY: ServerLook = { ...SILENT, silent: false };

/** The names in force after each look. */
function follow(...looks: ServerLook[]): string[][] {
  const seen = new SeenServers();
  return looks.map((look) => seen.take([look]).servers.flatMap(({ models }) => models.map(({ name }) => name)));
}

describe('SeenServers', () => {
  it('drops a server that is missed twice in a row, and takes it again', () => {
    expect(follow(found(model('a')), NOBODY, NOBODY, found(model('a')))).toEqual([['a'], ['a'], [], ['a']]);
  });

  it('keeps one that is back in time, and counts anew', () => {
    expect(follow(found(model('a')), NOBODY, found(model('a')), NOBODY)).toEqual(Array(4).fill(['a']));
  });

  it('keeps one that is there but does not answer, for however long', () => {
    expect(follow(found(model('a')), ...Array<ServerLook>(20).fill(SILENT)).at(-1)).toEqual(['a']);
  });

  it('names a server that left once, also one that another has replaced at its usual place', () => {
    const seen = new SeenServers();
    const gone = (look: ServerLook) => seen.take([look]).gone.map(({ baseUrl }) => baseUrl);
    const elsewhere = { ...found(), found: { ...server(), baseUrl: 'http://[::1]:11434/v1' } };
    const [first, second] = [found().found?.baseUrl, elsewhere.found.baseUrl];
    expect([found(), elsewhere, NOBODY, NOBODY, NOBODY].map(gone)).toEqual([[], [first], [], [second], []]);
  });

  it('knows nothing of one that never answered', () => expect(follow(SILENT, NOBODY)).toEqual([[], []]));

  it('believes the latest list of models at once', () => {
    const looks = [found(model('a')), found(model('a'), model('b')), found(model('b')), found()];
    expect(follow(...looks)).toEqual([['a'], ['a', 'b'], ['b'], []]);
  });

  it('keeps what a model was described as until the server describes it again', () => {
    const seen = new SeenServers();
    const take = (...models: FoundModel[]) => seen.take([found(...models)]).servers[0]?.models[0]?.contextWindow;
    expect(take(model('a', { contextWindow: 4096 }))).toBe(4096);
    expect(take(model('a', { partial: true }))).toBe(4096);
    expect(take(model('a', { contextWindow: 8192 }))).toBe(8192);
  });
});
