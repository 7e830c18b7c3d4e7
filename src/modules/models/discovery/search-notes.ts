import type { CloudFindings } from './cloud-targets.js';
import type { FoundServer } from './found-model.js';
import type { ServerLook } from './local-servers.js';

export interface Search {
  readonly servers: readonly FoundServer[];
  readonly looks: readonly ServerLook[];
  readonly cloud: CloudFindings;
  readonly everyMs: number;
}

/**
 * Sentences on what is there, and what to do about what is not, for the person who started the service.
 *
 * @returns by subject; a sentence is news when none of that subject was said before
 */
export function searchNotes({ servers, looks, cloud, everyMs }: Search): ReadonlyMap<string, string> {
  const hasModel = cloud.targets.length > 0 || servers.some(({ models }) => models.length > 0);
  const denied = looks.flatMap((look) => (look.denied && !look.found ? [deniedNote(look.denied)] : []));
  return new Map([
    ...servers.map(serverNote),
    ...[...denied, ...cloud.notes, ...(hasModel ? [] : [simulatedNote(everyMs)])].map((text) => [text, text] as const),
  ]);
}

/** A hint, and the order of the models, may change with what is loaded; that is no news. */
function serverNote({ label, baseUrl, models, hint }: FoundServer): readonly [string, string] {
  const names = models.map((model) => model.name);
  const where = `${label} at ${new URL(baseUrl).host}`;
  const text = `${where}: ${names.join(', ') || 'no models'}.`;
  return [[where, ...names.toSorted()].join(), hint ? `${text} ${hint}.` : text];
}

const deniedNote = (host: string): string =>
  `The server at ${host} wants an API key: write it as a target with its apiKey into router.config.yaml.`;

const simulatedNote = (everyMs: number): string =>
  'No model was found, so answers are simulated. For real ones start a model server (ollama pull llama3.2, then ' +
  `ollama serve): it takes over within ${Math.ceil(everyMs / 1000)} s. Or set OPENAI_API_KEY, or ` +
  'AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY, and start again.';
