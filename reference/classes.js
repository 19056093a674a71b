/**
 * A plugin of typedoc for classes whose base class Effect makes. The shape of a service is a type argument of that base
 * class, so its operations would have no place: they become the property `Service`, as in the type `Fabric["Service"]`. The
 * text of the base class itself, which repeats all of that in source, is left out, of services and of errors.
 */
import { Converter, DeclarationReflection, ReflectionKind } from "typedoc"

const shapeOf = ({ extendedTypes = [] }) => extendedTypes.find(({ name }) => name === "Shape")?.typeArguments?.[1]

const showShape = ({ project }, service, shape) => {
  const property = new DeclarationReflection("Service", ReflectionKind.Property, service)
  property.type = shape
  property.comment = service.comment?.clone()
  if (property.comment) property.comment.summary = [{ kind: "text", text: "Value that the service provides." }]
  if (shape.type === "reflection") shape.declaration.parent = property
  project.registerReflection(property, undefined, undefined)
  service.addChild(property)
  for (const child of [...service.children])
    if (child.kindOf(ReflectionKind.Constructor)) project.removeReflection(child)
}

export const load = ({ converter }) => {
  converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    for (const made of context.project.getReflectionsByKind(ReflectionKind.Class)) {
      const shape = shapeOf(made)
      if (shape !== undefined) showShape(context, made, shape)
      delete made.extendedTypes
      made.traverse((child) => {
        delete child.inheritedFrom
        delete child.overwrites
        for (const signature of [...(child.signatures ?? []), ...(child.getSignature ? [child.getSignature] : [])]) {
          delete signature.inheritedFrom
          delete signature.overwrites
        }
      })
    }
  })
}
