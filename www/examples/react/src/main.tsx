import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import "tintype/react";

function App() {
  const [prompt, setPrompt] = useState("a robot on a teal background, 3d");
  const [said, setSaid] = useState("");
  return (
    <main>
      <h1>Tintype in React</h1>
      <label>
        Prompt <input value={prompt} onChange={(event) => setPrompt(event.target.value)} />
      </label>
      <tintype-image
        fixed
        prompt={prompt}
        steps={12}
        models="models/"
        onresult={(event) => setSaid(`seed ${event.detail.settings?.seed}`)}
        onerror={(event) => setSaid(event.detail.hint ?? event.detail.message)}
      />
      <output>{said}</output>
    </main>
  );
}

createRoot(document.getElementById("app") as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
