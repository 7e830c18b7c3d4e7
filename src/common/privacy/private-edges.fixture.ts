import type { PrivateKind } from '../config/config.schema.js';

/** Private text with another sign or blank in it, in front of it or behind it than usual. */
export const PRIVATE_EDGES: readonly (readonly [PrivateKind, string])[] = [
  ...['│', '✓', '©', '®', '°', '●', '☎+49', '\ufffd', '😀', '।', '½', '%E9'].map(
    (behind) => ['email', `jane@example.com${behind}`] as const,
  ),
  ['email', 'jane@👍🏽.ws'],
  ['email', 'jane%E9%40example.com'],
  ['email', 'jane👍🏽 [at] example [dot] com'],
  ['phone', '138- 1234-5678'],
  ['phone', '11 98765.-4321'],
  ['phone', 'is電話：social security number: 6221234'],
  ['creditCard', '4111_1111_1111_1111'],
  ['creditCard', 'const c = 4111_1111_1111_1111;'],
  ['creditCard', '3782_822463_10005'],
  ['iban', "LIKE '%DE89370400440532013000'"],
  ['iban', 'DE89&#9;3704&#9;0044&#9;0532&#9;0130&#9;00'],
  ['ssn', 'SSN 123456789-A'],
  ['ssn', 'ssn: 123456789-phone'],
  ['ipAddress', '%fe80::1'],
  ['apiKey', 'DB_PASSWORD=abcd123%E9'],
  ['apiKey', 'password=p%E4ssw0rdabc1'],
  ['apiKey', 'password=abcd12%7F'],
  ['apiKey', 'https://u:p%E4ss@h'],
  ['apiKey', 'my password is  hunter22x'],
  ['apiKey', 'the api key is  abcd1234x'],
  ['apiKey', 'the auth token…is abcd1234x'],
  ['apiKey', 'our api.key is abcd1234x'],
  ['apiKey', 'the _passphrase_ is abcd1234x'],
  ['apiKey', 'the access\ttoken is a1b2c3d4e5f6'],
  ['apiKey', `Bearer${' '.repeat(10)}8f3kd92ls0qmz71xhc64`],
  ['apiKey', `authorization: basic${'\t'.repeat(100)}8f3kd92ls0`],
];
