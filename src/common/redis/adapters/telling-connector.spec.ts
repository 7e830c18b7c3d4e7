import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { AbstractConnector } from 'ioredis';
import { connectorThatTells } from './telling-connector.js';

describe('a connection to Redis', () => {
  it('sends what is written in one turn together, at the end of it', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepted = once(server, 'connection');
    const { port } = server.address() as AddressInfo;
    const Connector = connectorThatTells(AbstractConnector, () => undefined);
    const stream = await new Connector({ host: '127.0.0.1', port }).connect(() => undefined);
    const [peer] = await accepted;
    for (const text of ['one ', 'two ', 'three']) stream.write(text);
    expect([stream.writableCorked, stream.writableLength]).toEqual([1, 13]);
    await setImmediate();
    expect(stream.writableCorked).toBe(0);
    const [received] = await once(peer, 'data');
    expect(String(received)).toBe('one two three');
    stream.destroy();
    server.close();
  });
});
