import { request } from 'undici';
import { z } from 'zod';
import { jsonWithin } from './bounded-json.js';

const MAX_BODY_BYTES = 256 * 1024;
const HEADERS = { accept: 'application/json', 'accept-encoding': 'identity' };

/** `GET /api/ps` of Ollama: the models in memory. @see https://docs.ollama.com/api/ps */
const answerSchema = z.object({ models: z.array(z.looseObject({ name: z.string() })) });

/**
 * The models a local server has in memory. Only Ollama tells; a name without a tag there means `:latest`.
 *
 * @param root such as `http://127.0.0.1:11434`
 * @returns `null` when the server answers, but not to this question
 * @throws when the server cannot be reached, does not answer in time or is not well (a proxy's 502 before it is up)
 */
export async function loadedModels(root: string, signal: AbortSignal): Promise<readonly string[] | null> {
  const { statusCode, body } = await request(`${root}/api/ps`, { signal, headers: HEADERS });
  if (statusCode !== 200) {
    body.on('error', () => undefined).destroy();
    if (statusCode >= 500 || statusCode === 429) throw new Error(`/api/ps answered ${statusCode}`);
    return null;
  }
  const answer = answerSchema.safeParse(await jsonWithin(body, MAX_BODY_BYTES));
  return answer.success ? answer.data.models.map(({ name }) => name) : null;
}
