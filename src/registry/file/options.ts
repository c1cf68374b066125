/** Options of the `file` registry. */
export interface FileRegistryOptions {
  /** relative paths count from the working directory */
  readonly path: string;
}
