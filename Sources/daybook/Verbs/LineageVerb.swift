import Pipeline
import Postgres
import Transform
import Warehouse

/// `daybook lineage`: what is made of what.
enum LineageVerb: Verb {
    static let name = "lineage"
    static let summary = "shows the way from sources to the columns of report tables"
    static let operands = "[MODEL]"
    static let options: [Option] = [
        .project, .database, Option("--format", "text|mermaid|json", "default: text"), .json,
    ]
    static let discussion = """
        What each model reads and who reads it, with the columns: from the definitions, the headers of
        sql/transforms, and the database, which also knows the views of others that read report tables. Where there
        is no database yet, columns are missing. Changes nothing.

        MODEL: a model, or anything else of the graph; shows all that it is made of, all that is made of it, and
        its columns with their comments. The schema may be left out: daybook lineage sla_hourly
        """

    private struct Document: Encodable {
        let nodes: [Lineage.Node]
        let edges: [Lineage.Edge]
        /// What is missing, and why.
        let notes: [String]
    }

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let format =
            arguments.isJSON
            ? "json" : try arguments.choice("--format", ["text", "mermaid", "json"]) ?? "text"
        let context = Context(arguments)
        let project = try context.project()
        let pipelines = try project.pipelines([])
        let sources = pipelines.flatMap { pipeline in
            pipeline.sources.map { source in
                Lineage.Source(
                    pipeline: pipeline.name, name: source.name,
                    description: source.input.description)
            }
        }
        let models =
            EventTables.models(of: pipelines.flatMap(\.eventFields))
            + CaseKeys.models(of: pipelines.flatMap(\.keys))
            + (try Model.ordered(try project.sqlFiles().folder("transforms")))
        let (known, notes) = try askDatabase(context.target(project), models)
        var lineage = Lineage(sources: sources, models: models, known: known)
        let focus = try arguments.positionals.first.map { try find($0, in: lineage) }
        if let focus { lineage = lineage.around(focus.name) }

        for note in notes { Terminal.error(note) }
        switch format {
        case "json":
            try JSONOutput.print(Document(nodes: lineage.nodes, edges: lineage.edges, notes: notes))
        case "mermaid": Terminal.out(lineage.mermaid(focus: focus?.name))
        default: Terminal.out(LineageText(lineage, focus: focus, of: project).text)
        }
        return .done
    }

    /// What the database tells; nothing where it cannot, with the reason among the notes.
    private static func askDatabase(
        _ target: DatabaseTarget, _ models: [Model]
    ) throws -> (known: KnownRelations?, notes: [String]) {
        func without(_ reason: String) -> (KnownRelations?, [String]) {
            (nil, ["columns are missing: \(reason)"])
        }
        guard target.isMade else { return without("the project has no database yet; see: daybook run") }
        do {
            let connection = try Warehouse.open(try target.conninfo(), creating: false).connection
            let known = try KnownRelations(of: models, connection)
            return (known, known.notes)
        } catch let error as WarehouseError {
            return without("\(error)")
        } catch let error as PrivateServerError {
            return without("\(error)")
        } catch let error as PostgresError where error.kind != .decoding {
            return without("\(error)")
        }
    }

    /// The node of a name, whole or without its schema; of the latter, a model comes before others.
    private static func find(_ name: String, in lineage: Lineage) throws(UsageError) -> Lineage.Node {
        if let node = lineage.node(name) { return node }
        let named = lineage.nodes.filter { $0.shortName == name }
        let models = named.filter { $0.kind == .model }
        let found = models.isEmpty ? named : models
        guard let node = found.first else {
            let names = lineage.nodes.flatMap { [$0.name, $0.shortName] }
            let models = lineage.nodes.filter { $0.kind == .model }.map(\.name)
            throw UsageError(
                "there is no model \"\(name)\"" + Spelling.suggestion(name, in: names)
                    + "; there are: \(models.joined(separator: ", "))")
        }
        guard found.count == 1 else {
            throw UsageError(
                "\"\(name)\" may be \(found.map(\.name).joined(separator: " or ")); write it with its schema")
        }
        return node
    }
}
