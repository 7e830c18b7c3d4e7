import { request } from 'undici';
import { NotThere } from '../command.js';

const ANSWER_MS = 5_000;

/** Whatever one of them answers will do: that others are away may be what is to be measured. @throws NotThere */
export async function assertReachable(urls: readonly URL[]): Promise<void> {
  if (urls.length === 0) return;
  try {
    await Promise.any(urls.map(ask));
  } catch (error) {
    const [cause] = (error as AggregateError).errors as NodeJS.ErrnoException[];
    const where = urls.map(({ origin }) => origin).join(', ');
    const why = cause?.code ?? cause?.name;
    throw new NotThere(`nothing answers at ${where} (${why}): start the service, or say with --url where it is`, {
      cause: error,
    });
  }
}

async function ask({ origin }: URL): Promise<void> {
  const { body } = await request(`${origin}/health`, { signal: AbortSignal.timeout(ANSWER_MS) });
  await body.dump();
}
