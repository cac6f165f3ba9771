import { accessKeyId } from '../../role.mjs'

export const revalidate = 1

export default async function Page() {
  return <p>{await accessKeyId()}</p>
}
