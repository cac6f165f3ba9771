// Everything of the installed official package, except for one function.
export * from 'official-imds'
export { fromInstanceMetadata } from './from-instance-metadata.js'
