import { isIPv6 } from 'node:net';
import { BoundedMap } from '../../../common/bounded-map.js';
import { isFields } from '../../../common/json/fields.js';
import { LOOPBACK_HOSTS, loopbackOrigins } from '../../../common/loopback.js';
import type { Capability } from '../../../common/target.js';
import { chatModels, foundModel, tokensOf, type FoundModel, type LocalServer } from './found-model.js';
import { listIn, objectIn, objectsIn, type Ask, type JsonObject } from './probe-json.js';

const PORT = 11434;

/** Ollama's words for what a model can, in ours. `json` is not among them: Ollama enforces it for every model. */
const CAPABILITY: ReadonlyMap<unknown, Capability> = new Map([
  ['tools', 'tools'],
  ['vision', 'vision'],
  ['thinking', 'reasoning'],
]);
/** What Ollama loads a model with when nobody says otherwise and less than 24 GB of VRAM are there. */
const USUAL_CONTEXT = 4096;
/** Descriptions kept; a server has one for each model, and old versions of a model leave theirs behind. */
const MAX_KEPT = 256;

/**
 * Ollama: `GET /api/tags` lists the models, `/api/ps` the loaded ones with the context they were loaded with,
 * `POST /api/show` describes one. Models that run at ollama.com (`remote_host`) are left out: text for them leaves this
 * machine, which a local target promises not to.
 *
 * @see https://docs.ollama.com/api
 */
export class Ollama implements LocalServer {
  readonly kind = 'ollama';
  readonly label = 'Ollama';
  /** What `/api/show` said, by name and digest: it reads the model's file, and that does not change. */
  private readonly shown = new BoundedMap<string, JsonObject>(MAX_KEPT);
  /** Context that a model was last loaded with, by the same key; an unloaded model will get it again. */
  private readonly served = new BoundedMap<string, number>(MAX_KEPT);

  /** @param contextLength the value of OLLAMA_CONTEXT_LENGTH, if the server shares our environment */
  constructor(private readonly contextLength = '') {}

  async models(ask: Ask): Promise<readonly FoundModel[] | null> {
    const [tags, ps] = await Promise.all([ask('/api/tags'), ask('/api/ps')]);
    if (!listIn(tags.json, 'models')) return null;
    const listed = objectsIn(tags.json, 'models');
    if (!listed.every((entry) => typeof entry['name'] === 'string')) return null;
    const loaded = new Map(objectsIn(ps.json, 'models').map((entry) => [entry['name'], entry]));
    const local = listed.filter((entry) => canChat(entry) && !entry['remote_host']);
    const described = await Promise.all(
      chatModels(local, 'name', (entry) => loaded.has(entry['name'])).map(async (entry) => {
        const details = await this.details(entry, ask);
        if (details && !canChat(details)) return null;
        const served = this.servedContext(entry, loaded.get(entry['name']), details);
        return modelOf(entry, details, served, ps.state === 'silent');
      }),
    );
    return described.filter((model) => model !== null);
  }

  hint(models: readonly FoundModel[]): string | undefined {
    if (models.length === 0) return 'It has no chat model yet: ollama pull llama3.2';
    if (models.some(({ contextWindow = Infinity }) => contextWindow > USUAL_CONTEXT)) return undefined;
    return `It serves at most ${USUAL_CONTEXT} tokens; OLLAMA_CONTEXT_LENGTH, set for Ollama, raises that`;
  }

  private async details(entry: JsonObject, ask: Ask): Promise<JsonObject | null> {
    const key = keyOf(entry);
    const known = this.shown.get(key);
    if (known) return known;
    const { json } = await ask('/api/show', { model: entry['name'] });
    if (!isFields(json)) return null;
    if (typeof entry['digest'] === 'string') this.shown.set(key, json);
    return json;
  }

  /**
   * What the server really serves, in the order in which Ollama decides it; `undefined` when it does not tell.
   * `parameters` of `/api/show` is the text of a Modelfile: `num_ctx    8192`.
   */
  private servedContext(entry: JsonObject, loaded: JsonObject | undefined, details: JsonObject | null) {
    const now = tokensOf([loaded?.['context_length']]);
    if (now !== undefined) this.served.set(keyOf(entry), now);
    const parameters = typeof details?.['parameters'] === 'string' ? details['parameters'] : '';
    const numCtx = Number(/^num_ctx\s+(\d+)/m.exec(parameters)?.[1]);
    return tokensOf([now, numCtx, this.served.get(keyOf(entry)), Number(this.contextLength || NaN)]);
  }
}

const keyOf = ({ name, digest }: JsonObject): string => `${String(name)}@${String(digest)}`;

/**
 * The models that Ollama has in memory; a name without a tag there means `:latest`.
 *
 * @returns `null` when the server answers, but not to this question; `undefined` when it does not answer now, or is not
 *   well (a proxy's 502 before it is up)
 */
export async function loadedModels(ask: Ask): Promise<readonly unknown[] | null | undefined> {
  const { state, json } = await ask('/api/ps');
  if (state === 'none' || state === 'silent') return undefined;
  return listIn(json, 'models') && objectsIn(json, 'models').map(({ name }) => name);
}

/** Newer versions tell capabilities in the list too; BERT is a family of embedding models. */
function canChat(entry: JsonObject): boolean {
  const told = listIn(entry, 'capabilities');
  if (told) return told.includes('completion');
  return !/bert/.test(String(objectIn(entry, 'details')['family']));
}

/** Where nobody tells what is served, the model's own maximum bounds it. */
function modelOf(
  entry: JsonObject,
  details: JsonObject | null,
  served: number | undefined,
  isSilent: boolean,
): FoundModel {
  const told = listIn(details, 'capabilities') ?? listIn(entry, 'capabilities') ?? [];
  const info = objectIn(details, 'model_info');
  const possible = tokensOf(
    Object.entries(info).flatMap(([key, value]) => (key.endsWith('.context_length') ? value : [])),
  );
  const abilities = told.flatMap((word) => CAPABILITY.get(word) ?? []);
  return foundModel(String(entry['name']), {
    windows: [served !== undefined && possible !== undefined ? Math.min(served, possible) : (served ?? possible)],
    can: { json: true, ...Object.fromEntries(abilities.map((capability) => [capability, true])) },
    size: info['general.parameter_count'] ?? objectIn(entry, 'details')['parameter_size'],
    isPartial: isSilent || !details,
  });
}

/**
 * Where Ollama listens by OLLAMA_HOST, read as Ollama's own client reads it: the scheme decides the default port, and an
 * address to listen on everywhere is reached on loopback. None when it is no address, or is ollama.com, which is not a
 * local server.
 *
 * @see https://github.com/ollama/ollama/blob/main/envconfig/config.go
 */
export function ollamaOrigins(value: string | undefined): readonly string[] {
  const text = (value ?? '').trim().replace(/^["']+|["']+$/g, '');
  if (!text) return loopbackOrigins(PORT);
  const hasScheme = text.includes('://');
  const url = URL.parse(hasScheme ? text : `http://${addressOf(text)}`);
  if (!url || !/^https?:$/.test(url.protocol) || /(^|\.)ollama\.com$/.test(url.hostname)) return [];
  // URL drops a port that is the scheme's default, so ":80" written out looks like none.
  if (!hasScheme && !url.port && !/:80(\/|$)/.test(text)) url.port = String(PORT);
  const isEverywhere = url.hostname === '0.0.0.0' || url.hostname === '[::]';
  const hosts = isEverywhere ? LOOPBACK_HOSTS : [url.hostname];
  return hosts.map((host) => {
    url.hostname = host;
    return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  });
}

/** `:9999` and an IPv6 address without brackets, as Go's client takes them. */
function addressOf(text: string): string {
  if (text.startsWith(':') && !text.startsWith('::')) return `${LOOPBACK_HOSTS[0]}${text}`;
  return isIPv6(text) ? `[${text}]` : text;
}
