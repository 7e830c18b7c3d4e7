/** How secrets look: the one home for log redaction and for finding private text. Every quantifier is bounded. */

/** One way an issuer writes its keys. */
export interface SecretShape {
  /** What such a key begins with. */
  readonly prefix: string;
  /** Source of a regular expression for what follows the prefix. */
  readonly rest: string;
  /** Whether words of prose can look like it, so that only a random part tells a key from a name. */
  readonly doubtful?: boolean;
}

const shape = (prefix: string, rest: string, doubtful = false): SecretShape => ({ prefix, rest, doubtful });

/** What the keys of this service begin with, as `npm run key:new` makes them. */
export const API_KEY_PREFIX = 'hlr_';

/** Keys that are told by their prefix. */
export const SECRET_SHAPES: readonly SecretShape[] = [
  ...['sk-', 'pk-', 'rk-', 'sk_', 'pk_', 'rk_'].map((prefix) => shape(prefix, '[A-Za-z0-9_-]{12,256}', true)),
  ...['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'].map((prefix) => shape(prefix, '[A-Za-z0-9]{20,255}')),
  shape('github_pat_', '[A-Za-z0-9_]{22,255}'),
  ...['glpat-', 'gldt-', 'glrt-'].map((prefix) => shape(prefix, '[A-Za-z0-9_-]{20,255}')),
  ...['xoxa-', 'xoxb-', 'xoxe-', 'xoxo-', 'xoxp-', 'xoxr-', 'xoxs-', 'xapp-'].map((prefix) =>
    shape(prefix, '[A-Za-z0-9-]{10,255}'),
  ),
  ...['AKIA', 'ASIA'].map((prefix) => shape(prefix, '[0-9A-Z]{16}(?![0-9A-Za-z])')),
  shape('AIza', '[0-9A-Za-z_-]{30,60}'),
  shape('ya29.', '[0-9A-Za-z_-]{20,512}'),
  ...['hf_', 'npm_'].map((prefix) => shape(prefix, '[A-Za-z0-9]{30,64}')),
  shape('r8_', '[A-Za-z0-9]{36,64}'),
  shape('gsk_', '[A-Za-z0-9]{40,64}'),
  ...['xai-', 'pplx-', 'nvapi-'].map((prefix) => shape(prefix, '[A-Za-z0-9_-]{32,128}', true)),
  shape('whsec_', '[A-Za-z0-9+/]{24,64}'),
  shape('SG.', '[A-Za-z0-9_-]{16,32}\\.[A-Za-z0-9_-]{16,64}'),
  shape('pypi-', 'AgE[A-Za-z0-9_-]{40,512}'),
  ...['dop_v1_', API_KEY_PREFIX].map((prefix) => shape(prefix, '[0-9a-f]{64}')),
  ...['shpat_', 'shpss_'].map((prefix) => shape(prefix, '[0-9a-f]{32}')),
  shape('LTAI', '[A-Za-z0-9]{12,30}(?![A-Za-z0-9])'),
  shape('AKID', '[A-Za-z0-9]{32}(?![A-Za-z0-9])'),
  shape('GOCSPX-', '[A-Za-z0-9_-]{20,64}'),
  ...['glsa_', 'glc_', 'lin_api_', 'dckr_pat_', 'figd_', 'sntrys_', 'ntn_', 'tvly-'].map((prefix) =>
    shape(prefix, '[A-Za-z0-9_-]{24,255}', true),
  ),
  ...['hvs.', 'xkeysib-', 'ATATT3'].map((prefix) => shape(prefix, '[A-Za-z0-9_=-]{24,255}')),
  shape('sbp_', '[0-9a-f]{40}'),
  shape('dapi', '[0-9a-f]{32}(?![A-Za-z0-9])'),
  shape('PMAK-', '[0-9a-f]{24}-[0-9a-f]{34}'),
  shape('hooks.slack.com/services/', 'T[A-Z0-9]{6,12}/B[A-Z0-9]{6,12}/[A-Za-z0-9]{16,32}'),
  ...['discord.com/api/webhooks/', 'discordapp.com/api/webhooks/'].map((prefix) =>
    shape(prefix, '\\d{15,21}/[A-Za-z0-9_-]{40,100}'),
  ),
  // of a Discord bot: its number in base64, a time and a check
  ...['MT', 'Mj', 'Mz', 'ND', 'NT', 'Nj', 'Nz', 'OD', 'OT'].map((prefix) =>
    shape(prefix, '[A-Za-z0-9]{21,26}\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27,38}'),
  ),
  // a JSON Web Token: two JSON objects in base64url and a signature (RFC 7519)
  shape('eyJ', '[A-Za-z0-9_-]{8,4096}\\.eyJ[A-Za-z0-9_-]{4,65536}\\.[A-Za-z0-9_-]{8}'),
];

/** What stands in front of a secret that has no shape of its own: `api-key: 0123...`, `password=...`. */
export const SECRET_NAMES: readonly string[] = [
  'api-key',
  'api_key',
  'apikey',
  'x-api-key',
  'accountkey',
  'subscription-key',
  'password',
  'passwd',
  'pwd',
  'secret',
  'client_secret',
  'secret_access_key',
  'aws_secret_access_key',
  'access_token',
  'refresh_token',
  'auth_token',
  'authorization',
  'sig',
];

/** The armour of a private key (RFC 7468). */
export const PRIVATE_KEY_BLOCK = '-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY';
