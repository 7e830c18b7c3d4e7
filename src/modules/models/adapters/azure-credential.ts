import type { AccessToken, TokenCredential } from '@azure/identity';
import { BackgroundWork } from '../../../common/background-work.js';
import { inTime } from '../../../common/in-time.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';

const SCOPE = 'https://cognitiveservices.azure.com/.default';
/** Entra tokens live about an hour; a new one is fetched this long before the old one ends. */
const REFRESH_BEFORE_EXPIRY_MS = 5 * 60_000;
/** After a failed refresh the next one waits this long, as the old token still works. */
const RETRY_REFRESH_AFTER_MS = 30_000;
/** DefaultAzureCredential asks several sources in turn; longer than this none of them will answer. */
const SIGN_IN_MS = 10_000;

const background = new BackgroundWork('models');

/**
 * Bearer tokens for keyless Azure OpenAI targets. A token is used until 5 minutes before its end; then one refresh runs
 * behind the callers, who keep the old token until it really ends. Concurrent callers share one request. The Azure SDK
 * is loaded with the first call only: it takes 42 MB and 0.2 s that a service without such a target need not spend.
 *
 * The source rejects with UpstreamFailure `auth` when there is no valid token and none can be had.
 *
 * @param source left out: DefaultAzureCredential (managed identity, workload identity, environment, developer sign-in)
 * @param clock the time, milliseconds since the epoch
 */
export function azureTokenSource(
  source?: TokenCredential,
  clock = Date.now,
  signInMs = SIGN_IN_MS,
): () => Promise<string> {
  let token: AccessToken | null = null;
  let pending: Promise<string> | null = null;
  let nextRefreshAt = 0;

  const signIn = async (): Promise<string> => {
    try {
      source ??= await defaultCredential();
      const asked = source.getToken(SCOPE, { abortSignal: AbortSignal.timeout(signInMs) });
      const fresh = await inTime(asked, signInMs, null); // not every credential honours the signal it is given
      if (!fresh) throw new Error(`the credential gave no token within ${signInMs} ms`);
      token = fresh;
      nextRefreshAt = fresh.expiresOnTimestamp - REFRESH_BEFORE_EXPIRY_MS;
      return fresh.token;
    } catch (error) {
      nextRefreshAt = clock() + RETRY_REFRESH_AFTER_MS;
      throw signInFailure(error);
    }
  };
  const signInOnce = (): Promise<string> => {
    pending ??= signIn().finally(() => (pending = null));
    return pending;
  };

  return async () => {
    const now = clock();
    if (!token || token.expiresOnTimestamp <= now) return signInOnce();
    // The token in hand still works.
    if (nextRefreshAt <= now) background.launch('the refresh of the Entra token', signInOnce);
    return token.token;
  };
}

async function defaultCredential(): Promise<TokenCredential> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new DefaultAzureCredential();
}

function signInFailure(error: unknown): UpstreamFailure {
  const why = error instanceof Error ? `${error.name}: ${error.message.split('\n')[0]}` : String(error);
  return new UpstreamFailure('auth', `Entra sign-in for Azure OpenAI failed: ${why}`, {}, { cause: error });
}
