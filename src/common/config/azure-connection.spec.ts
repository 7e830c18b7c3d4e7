import { azureConnection } from './azure-connection.js';

const KEY = '11111111-2222-3333-4444-555555555555';

describe('a connection string of Application Insights', () => {
  it('is the key and the endpoint', () => {
    expect(
      azureConnection(`InstrumentationKey=${KEY};IngestionEndpoint=https://x.in.applicationinsights.azure.com/`),
    ).toEqual({
      instrumentationKey: KEY,
      ingestionEndpoint: 'https://x.in.applicationinsights.azure.com/',
      identity: null,
      withoutIdentity: `InstrumentationKey=${KEY};IngestionEndpoint=https://x.in.applicationinsights.azure.com/`,
    });
  });

  it.each([
    [`InstrumentationKey=${KEY};Authorization=AAD`, null],
    [`instrumentationkey=${KEY};authorization=aad;clientid=abc;`, 'abc'],
  ])('asks for managed identity', (text, clientId) => {
    const connection = azureConnection(text);
    expect(connection).toMatchObject({ identity: { clientId } });
    expect((connection as { withoutIdentity: string }).withoutIdentity).toMatch(/^instrumentationkey=[-\d]+$/i);
  });

  it.each([
    'key',
    'InstrumentationKey=secret',
    `InstrumentationKey=${KEY};IngestionEndpoint=ftp://x`,
    `InstrumentationKey=${KEY};IngestionEndpoint=https://user:secret@x/`,
    `InstrumentationKey=${KEY};IngestionEndpoint=https://secret@x/`,
    `InstrumentationKey=${KEY};IngestionEndpoint=https://x/?secret`,
    `InstrumentationKey=${KEY};IngestionEndpoint=https://x/#secret`,
    `InstrumentationKey=${KEY};Authorization=Basic`,
  ])('is none: %s', (text) => {
    const problem = azureConnection(text);
    expect(problem).toMatch(/^expected /);
    expect(problem).not.toContain('secret');
  });
});
