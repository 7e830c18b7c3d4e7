import { request } from 'undici';
import { z } from 'zod';

const MAX_BODY_BYTES = 256 * 1024;

/** `GET /api/ps` of Ollama: the models in memory. @see https://docs.ollama.com/api/ps */
const answerSchema = z.object({ models: z.array(z.looseObject({ name: z.string() })) });

/**
 * The models a local server has in memory. Only Ollama tells; a name without a tag there means `:latest`.
 *
 * @param root such as `http://127.0.0.1:11434`
 * @returns `null` when the server answers, but not to this question
 * @throws when the server cannot be reached or does not answer in time
 */
export async function loadedModels(root: string, signal: AbortSignal): Promise<readonly string[] | null> {
  const { statusCode, headers, body } = await request(`${root}/api/ps`, { signal });
  if (statusCode !== 200 || Number(headers['content-length'] ?? 0) > MAX_BODY_BYTES) {
    body.on('error', () => undefined).destroy();
    return null;
  }
  const answer = answerSchema.safeParse(await body.json().catch(() => null));
  return answer.success ? answer.data.models.map(({ name }) => name) : null;
}
