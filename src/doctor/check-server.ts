import { type Check, finding, good, warning } from './surroundings.ts';

/** Whether the running server speaks by its control socket, and whether it is ready. */
export const checkServer: Check = {
  title: 'server',
  async look({ server, config, configFile, pid: holder }) {
    if (!server.ok) {
      const remedy =
        holder === undefined
          ? `start it: rpc-dns serve -c ${configFile}; where callers run and rpc-dns does not, this is no news`
          : `pid ${holder} has its port: ports says how it is; if it answers, it was started with another control than ${config.control}, or in another folder`;
      return [finding(server.reason, remedy)];
    }
    const { pid, version, ready, missing, interfaces } = server.value;
    const who = `rpc-dns ${version}, pid ${pid}`;
    if (!ready) {
      return [
        finding(
          `${who} is not ready: it waits for ${missing.join(', ') || 'its first publication'}`,
          'names of registries get SERVFAIL until then: see registries below; one that may be missing gets required: false',
        ),
      ];
    }
    if (interfaces === 0) {
      return [
        warning(
          `${who} is ready and knows no interface`,
          'nothing is registered where it looks: compare root, namespaces and path of the registries with what your applications use',
        ),
      ];
    }
    return [good(`${who} is ready and knows ${interfaces} interface${interfaces === 1 ? '' : 's'}`)];
  },
};
