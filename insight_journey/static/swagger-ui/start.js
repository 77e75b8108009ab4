window.addEventListener("load", () => {
  const element = document.getElementById("swagger-ui");
  SwaggerUIBundle({
    url: element.dataset.document,
    domNode: element,
    deepLinking: true,
    persistAuthorization: false,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
  });
});
