import type { CloudFindings } from './cloud-targets.js';
import type { FoundServer } from './found-model.js';
import type { ServerLook } from './local-servers.js';

/** What the person who started the service should know; news when no note of that subject said so before. */
export interface SearchNote {
  readonly subject: string;
  readonly text: string;
}

export interface Search {
  readonly servers: readonly FoundServer[];
  readonly looks: readonly ServerLook[];
  readonly cloud: CloudFindings;
  readonly everyMs: number;
}

/** Sentences on what is there, and what to do about what is not. */
export function searchNotes({ servers, looks, cloud, everyMs }: Search): readonly SearchNote[] {
  const hasModel = cloud.targets.length > 0 || servers.some(({ models }) => models.length > 0);
  return [
    ...servers.map(serverNote),
    ...looks.flatMap(({ found, denied }) => (denied && !found ? [deniedNote(denied)] : [])),
    ...cloud.notes.map((text) => ({ subject: text, text })),
    ...(hasModel ? [] : [simulatedNote(everyMs)]),
  ];
}

/** A hint, and the order of the models, may change with what is loaded; that is no news. */
function serverNote({ label, baseUrl, models, hint }: FoundServer): SearchNote {
  const names = models.map((model) => model.name);
  const where = `${label} at ${new URL(baseUrl).host}`;
  const text = `${where}: ${names.join(', ') || 'no models'}.`;
  return { subject: [where, ...names.toSorted()].join(), text: hint ? `${text} ${hint}.` : text };
}

function deniedNote(host: string): SearchNote {
  const text = `The server at ${host} wants an API key: write it as a target with its apiKey into router.config.yaml.`;
  return { subject: text, text };
}

const simulatedNote = (everyMs: number): SearchNote => ({
  subject: 'simulated',
  text:
    'No model was found, so answers are simulated. For real ones start a model server (ollama pull llama3.2, then ' +
    `ollama serve): it takes over within ${Math.ceil(everyMs / 1000)} s. Or set OPENAI_API_KEY, or ` +
    'AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY, and start again.',
});
