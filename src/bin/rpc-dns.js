#!/usr/bin/env node
// Plain JavaScript that any Node can read: it looks at the version before anything newer is imported.
var major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error('rpc-dns needs Node 24 or newer; this is ' + process.version + ' (' + process.execPath + ')');
  process.exit(1);
}
import('../../dist/main.js').catch((error) => {
  console.error(error);
  process.exit(1);
});
