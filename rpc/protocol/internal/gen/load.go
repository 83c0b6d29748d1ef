package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// load reads the hand-written files of the package in dir. It works on the syntax alone, so that generated files that are stale
// or broken do not stand in the way of mending them.
func load(dir string) (*api, error) {
	files, err := parsePackage(dir)
	if err != nil {
		return nil, err
	}
	a := &api{}
	l := loader{api: a, unmarshalers: map[string]bool{}, named: map[string]*ast.TypeSpec{}}
	for _, file := range files {
		l.collect(file)
	}
	for _, file := range files {
		if err := l.file(file); err != nil {
			return nil, err
		}
	}
	for _, file := range files {
		if err := l.constants(file); err != nil {
			return nil, err
		}
	}
	return a, a.check()
}

func parsePackage(dir string) ([]*ast.File, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	var files []*ast.File
	fset := token.NewFileSet()
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "_gen.go") {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(fset, path, source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// loader fills an api from the declarations of files.
type loader struct {
	api          *api
	named        map[string]*ast.TypeSpec
	unmarshalers map[string]bool // types with a method UnmarshalJSON
}

// collect notes what later steps look up by name.
func (l *loader) collect(file *ast.File) {
	if file.Doc != nil {
		l.api.doc += file.Doc.Text()
	}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name == "UnmarshalJSON" {
			l.unmarshalers[baseName(f.Recv.List[0].Type)] = true
		}
	}
	for spec := range specs(file, token.TYPE) {
		t := spec.(*ast.TypeSpec)
		l.named[t.Name.Name] = t
	}
}

// specs yields the declarations of one kind, with the comment of a declaration that stands alone.
func specs(file *ast.File, tok token.Token) iter.Seq2[ast.Spec, *ast.CommentGroup] {
	return func(yield func(ast.Spec, *ast.CommentGroup) bool) {
		for _, decl := range file.Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok || d.Tok != tok {
				continue
			}
			for _, spec := range d.Specs {
				if !yield(spec, d.Doc) {
					return
				}
			}
		}
	}
}

// file adds the types that a file declares.
func (l *loader) file(file *ast.File) error {
	for spec, doc := range specs(file, token.TYPE) {
		if err := l.declare(spec.(*ast.TypeSpec), doc.Text()); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) declare(t *ast.TypeSpec, doc string) error {
	text := typeDoc(t.Name.Name, doc)
	switch x := t.Type.(type) {
	case *ast.InterfaceType:
		return l.methods(t.Name.Name, x)
	case *ast.StructType:
		return l.structType(t.Name.Name, text, x)
	case *ast.Ident:
		l.namedBasic(t, x.Name, text)
	}
	return nil
}

// namedBasic adds a named string or number.
func (l *loader) namedBasic(t *ast.TypeSpec, basic, doc string) {
	switch {
	case l.unmarshalers[t.Name.Name]:
		l.api.refs = append(l.api.refs, &refType{t.Name.Name, doc})
	default:
		l.api.enums = append(l.api.enums, &enumType{Name: t.Name.Name, Doc: doc, Numeric: basic != "string"})
	}
}

func (l *loader) structType(name, doc string, x *ast.StructType) error {
	s := &structType{Name: name, Doc: doc}
	for _, f := range x.Fields.List {
		if len(f.Names) == 0 {
			s.Embeds = append(s.Embeds, baseName(f.Type))
			continue
		}
		if err := l.field(s, f); err != nil {
			return fmt.Errorf("%s.%s: %w", name, f.Names[0], err)
		}
	}
	if len(s.Fields)+len(s.Embeds) > 0 && !isWire(s) {
		return nil
	}
	s.shareDocs()
	l.api.structs = append(l.api.structs, s)
	return nil
}

// isWire tells structs that go over the wire from those that only describe, by the tags of their members.
func isWire(s *structType) bool {
	return len(s.Embeds) > 0 || s.Fields[0].Name != ""
}

func (l *loader) field(s *structType, f *ast.Field) error {
	var tag string
	if f.Tag != nil {
		unquoted, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			return err
		}
		tag = reflect.StructTag(unquoted).Get("json")
	}
	name, flags, _ := strings.Cut(tag, ",")
	if name == "" {
		s.Fields = append(s.Fields, field{GoName: f.Names[0].Name})
		return nil
	}
	t, err := l.fieldType(f.Type)
	if err != nil {
		return err
	}
	s.Fields = append(s.Fields, field{f.Names[0].Name, name, paragraph(f.Doc.Text()), t, flags != ""})
	return nil
}

func (l *loader) fieldType(x ast.Expr) (fieldType, error) {
	switch x := x.(type) {
	case *ast.StarExpr:
		return l.fieldType(x.X)
	case *ast.ArrayType:
		elem, err := l.fieldType(x.Elt)
		return fieldType{Kind: kindList, Elem: &elem}, err
	case *ast.MapType:
		elem, err := l.fieldType(x.Value)
		return fieldType{Kind: kindMap, Elem: &elem}, err
	case *ast.Ident:
		return l.identType(x.Name)
	}
	return fieldType{}, fmt.Errorf("the generator knows no JSON for %T", x)
}

func (l *loader) identType(name string) (fieldType, error) {
	switch name {
	case "string":
		return fieldType{Kind: kindString}, nil
	case "bool":
		return fieldType{Kind: kindBool}, nil
	case "int", "int64":
		return fieldType{Kind: kindInteger}, nil
	case "float64":
		return fieldType{Kind: kindNumber}, nil
	case "ProgressToken":
		return fieldType{Kind: kindToken}, nil
	}
	if l.named[name] == nil {
		return fieldType{}, fmt.Errorf("unknown type %s", name)
	}
	return fieldType{Kind: kindNamed, Name: name}, nil
}

// constants adds the words of enumerations, and the version.
func (l *loader) constants(file *ast.File) error {
	for spec := range specs(file, token.CONST) {
		v := spec.(*ast.ValueSpec)
		text, ok := literal(v.Values[0])
		if !ok {
			continue // refers to another constant: a limit of ours, no part of the protocol
		}
		if v.Names[0].Name == "Version" {
			l.api.version = text
		}
		if err := l.word(v, text); err != nil {
			return fmt.Errorf("constant %s: %w", v.Names[0], err)
		}
	}
	return nil
}

// literal evaluates an expression of literals to the text of a string, or the digits of a number.
func literal(x ast.Expr) (text string, ok bool) {
	v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, types.ExprString(x))
	if err != nil {
		return "", false
	}
	if v.Value.Kind() == constant.String {
		return constant.StringVal(v.Value), true
	}
	return v.Value.ExactString(), true
}

// word adds a constant to the enumeration that is its type. Constants without a type are no words.
func (l *loader) word(v *ast.ValueSpec, value string) error {
	if v.Type == nil {
		return nil
	}
	enum := l.api.enumNamed(baseName(v.Type))
	if enum == nil {
		return fmt.Errorf("the generator knows no enumeration %s", types.ExprString(v.Type))
	}
	name := v.Names[0].Name
	enum.Words = append(enum.Words, word{name, value, wordDoc(name, v.Doc.Text())})
	return nil
}

func baseName(x ast.Expr) string {
	if star, ok := x.(*ast.StarExpr); ok {
		x = star.X
	}
	return types.ExprString(x)
}
