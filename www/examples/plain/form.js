/** The picture is the form's: FormData has it as a file. Here it is only looked at. */

const form = document.querySelector("form");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const picture = new FormData(form).get("picture");
  form.querySelector("output").textContent = picture ? `${picture.name}, ${picture.size} bytes` : "There is no picture yet.";
});
