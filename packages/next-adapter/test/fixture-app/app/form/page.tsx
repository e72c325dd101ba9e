import { SaveForm } from "./save-form";

export default function Page() {
  return (
    <main>
      <h1>Save</h1>
      <SaveForm />
    </main>
  );
}
