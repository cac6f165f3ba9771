import { accessKeyId } from '../role.mjs'

export default async function Page() {
  return <p>{await accessKeyId()}</p>
}
