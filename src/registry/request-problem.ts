/** Why a request by HTTP had no reply, for people. */
export function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'nobody listens there';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the name of the host cannot be resolved';
    case 'ECONNRESET':
      return 'the connection was closed without a whole reply';
    case 'CERT_HAS_EXPIRED':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `the server's certificate is not trusted (${code}): name its authority as tls.ca`;
    default:
      return code?.startsWith('HPE_') === true ? 'the reply is not HTTP' : message;
  }
}
