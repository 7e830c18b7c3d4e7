/** What a connection string of Application Insights says. */
export interface AzureConnection {
  readonly instrumentationKey: string;
  /** `null` = the public one. */
  readonly ingestionEndpoint: string | null;
  /** `null` = the instrumentation key is enough; `clientId` is that of a user-assigned identity. */
  readonly identity: { readonly clientId: string | null } | null;
  /** The string without what says how to sign in, as the exporter wants it. */
  readonly withoutIdentity: string;
}

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * `Authorization=AAD` asks for the managed identity, with `ClientId=<id>` for a user-assigned one.
 *
 * @returns what is wrong with it, in words that do not repeat it, where it is none
 * @see https://learn.microsoft.com/azure/azure-monitor/app/connection-strings
 * @see https://learn.microsoft.com/azure/azure-monitor/app/azure-ad-authentication
 */
export function azureConnection(text: string): AzureConnection | string {
  const fields = new Map<string, string>();
  const kept: string[] = [];
  for (const part of text.split(';').map((piece) => piece.trim())) {
    if (part === '') continue;
    const [name = '', value, more] = part.split('=');
    if (value === undefined || more !== undefined) return 'expected name=value, separated by ";"';
    const key = name.trim().toLowerCase();
    fields.set(key, value.trim());
    if (key !== 'authorization' && key !== 'clientid') kept.push(`${name.trim()}=${value.trim()}`);
  }
  const instrumentationKey = fields.get('instrumentationkey') ?? '';
  if (!GUID.test(instrumentationKey)) return 'expected InstrumentationKey=<a GUID>';
  const ingestionEndpoint = fields.get('ingestionendpoint') ?? null;
  if (ingestionEndpoint !== null) {
    const url = URL.parse(ingestionEndpoint);
    if (!/^https?:$/.test(url?.protocol ?? '')) return 'expected IngestionEndpoint=<an http:// or https:// URL>';
    if (url?.username || url?.password || /[?#]/.test(ingestionEndpoint)) {
      return 'expected IngestionEndpoint=<a URL without user name, query and fragment>; copy the string from the Azure portal';
    }
  }
  const authorization = fields.get('authorization')?.toLowerCase() ?? 'ikey';
  if (authorization !== 'aad' && authorization !== 'ikey') return 'expected Authorization=AAD, or none';
  const identity = authorization === 'aad' ? { clientId: fields.get('clientid') || null } : null;
  return { instrumentationKey, ingestionEndpoint, identity, withoutIdentity: kept.join(';') };
}
