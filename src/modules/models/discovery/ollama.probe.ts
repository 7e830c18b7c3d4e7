import { isFields } from '../../../common/json/fields.js';
import type { Capability } from '../../../common/target.js';
import {
  choice,
  isChatModelName,
  objectIn,
  objectsIn,
  tokensOf,
  wordsIn,
  type FoundModel,
  type FoundServer,
  type JsonObject,
} from './found-model.js';
import { parameterCount } from './model-size.js';
import type { ProbeJson } from './probe-json.js';

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
export class OllamaProbe {
  /** What `/api/show` said, by name and digest: it reads the model's file, and that does not change. */
  private readonly shown = new Map<string, JsonObject>();
  /** Context that a model was last loaded with, by the same key; an unloaded model will get it again. */
  private readonly served = new Map<string, number>();

  /** @param contextLength the value of OLLAMA_CONTEXT_LENGTH, if the server shares our environment */
  constructor(private readonly contextLength = '') {}

  async find(origin: string, probe: ProbeJson): Promise<FoundServer | null> {
    const [tags, ps] = await Promise.all([probe(`${origin}/api/tags`), probe(`${origin}/api/ps`)]);
    if (!isFields(tags.json) || !Array.isArray(tags.json['models'])) return null;
    const listed = objectsIn(tags.json, 'models');
    if (!listed.every((entry) => typeof entry['name'] === 'string')) return null;
    const loaded = new Map(objectsIn(ps.json, 'models').map((entry) => [entry['name'], entry]));
    const local = listed.filter((entry) => canChat(entry) && isChatModelName(entry['name']) && !entry['remote_host']);
    const chosen = choice(local, (entry) => loaded.has(entry['name']));
    const described = await Promise.all(
      chosen.map(async (entry) => {
        const details = await this.details(origin, entry, probe);
        if (details && !canChat(details)) return null;
        const served = this.servedContext(entry, loaded.get(entry['name']), details);
        return modelOf(entry, details, served, ps.state === 'silent');
      }),
    );
    const models = described.filter((model) => model !== null);
    const hint = models.length > 0 ? contextHint(models) : 'It has no chat model yet: ollama pull llama3.2';
    return { kind: 'ollama', label: 'Ollama', baseUrl: `${origin}/v1`, models, hint };
  }

  private async details(origin: string, entry: JsonObject, probe: ProbeJson): Promise<JsonObject | null> {
    const key = keyOf(entry);
    const known = this.shown.get(key);
    if (known) return known;
    const { json } = await probe(`${origin}/api/show`, { model: entry['name'] });
    if (!isFields(json)) return null;
    if (typeof entry['digest'] === 'string') remember(this.shown, key, json);
    return json;
  }

  /**
   * What the server really serves, in the order in which Ollama decides it; `undefined` when it does not tell.
   * `parameters` of `/api/show` is the text of a Modelfile: `num_ctx    8192`.
   */
  private servedContext(entry: JsonObject, loaded: JsonObject | undefined, details: JsonObject | null) {
    const now = tokensOf(loaded?.['context_length']);
    if (now !== undefined) remember(this.served, keyOf(entry), now);
    const parameters = typeof details?.['parameters'] === 'string' ? details['parameters'] : '';
    const numCtx = Number(/^num_ctx\s+(\d+)/m.exec(parameters)?.[1]);
    return tokensOf(now, numCtx, this.served.get(keyOf(entry)), Number(this.contextLength || NaN));
  }
}

const keyOf = ({ name, digest }: JsonObject): string => `${String(name)}@${String(digest)}`;

function remember<T>(kept: Map<string, T>, key: string, value: T): void {
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(key, value);
}

/** Newer versions tell capabilities in the list too; BERT is a family of embedding models. */
function canChat(entry: JsonObject): boolean {
  const told = wordsIn(entry, 'capabilities');
  if (told) return told.includes('completion');
  return !/bert/.test(String(objectIn(entry, 'details')['family']));
}

/** Where nobody tells what is served, the model's own maximum bounds it. */
function modelOf(
  entry: JsonObject,
  details: JsonObject | null,
  served: number | undefined,
  partial: boolean,
): FoundModel {
  const name = String(entry['name']);
  const told = wordsIn(details ?? {}, 'capabilities') ?? wordsIn(entry, 'capabilities') ?? [];
  const info = objectIn(details, 'model_info');
  const possible = tokensOf(
    ...Object.entries(info).flatMap(([key, value]) => (key.endsWith('.context_length') ? value : [])),
  );
  const size = info['general.parameter_count'] ?? objectIn(entry, 'details')['parameter_size'];
  return {
    name,
    contextWindow: served !== undefined && possible !== undefined ? Math.min(served, possible) : (served ?? possible),
    capabilities: ['json', ...told.flatMap((word) => CAPABILITY.get(word) ?? [])],
    parameters: parameterCount(size, name),
    ...(partial || !details ? { partial: true } : {}),
  };
}

function contextHint(models: readonly FoundModel[]): string | undefined {
  if (models.some(({ contextWindow = Infinity }) => contextWindow > USUAL_CONTEXT)) return undefined;
  return `It serves at most ${USUAL_CONTEXT} tokens; OLLAMA_CONTEXT_LENGTH, set for Ollama, raises that`;
}
