import { RoundRobin } from './round-robin.js';

// The proxy as a process of its own: the load generator should not wait for it. Its arguments are the replicas; it
// tells its parent the address and ends with it.
const proxy = await RoundRobin.start(process.argv.slice(2));
process.on('SIGINT', () => undefined); // Ctrl-C reaches the whole group; the parent ends this
process.once('disconnect', () => process.exit(0));
process.send?.({ url: proxy.url });
